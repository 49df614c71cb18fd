"""One resource a file: who may, what is asked, the call, the answer; its routes at the end."""
