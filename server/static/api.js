/** Requests to the REST API: JSON in, JSON out, failures as `ApiError`. */

const ANSWER_WITHIN_MS = 15_000;

/** The service answered with an error (contract section 2.8). */
export class ApiError extends Error {
  constructor(status, { code, message, details }) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.details = details;
  }

  /** Say what is wrong in one line: the fields at fault where there are any. */
  explain() {
    const faults = Object.entries(this.details ?? {})
      .filter(([, problems]) => Array.isArray(problems))
      .map(([field, problems]) => `${field}: ${problems.join(" ")}`);
    return faults.length ? faults.join("; ") : this.message;
  }
}

/** Say in one line why a request failed, whatever it failed with. */
export function explain(error) {
  return error instanceof ApiError ? error.explain() : "The service does not answer. Try again.";
}

/** Return the JSON of the answer. Throws ApiError, or what `fetch` throws without an answer. */
export async function request(method, path, { token, body, signal } = {}) {
  const headers = {};
  if (token !== undefined) headers.Authorization = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const deadline = AbortSignal.timeout(ANSWER_WITHIN_MS);
  const response = await fetch(path, {
    method,
    headers,
    body: body === undefined ? undefined : JSON.stringify(body),
    signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
  });
  const answer = await response.json();
  if (!response.ok) throw new ApiError(response.status, answer.error);
  return answer;
}
