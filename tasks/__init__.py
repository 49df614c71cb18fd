"""What is slow and what is due: the job queue, deliveries and the sweep.

Run by `run.py worker`; the layers above use only the face of the queue, `tasks.queue`.
"""
