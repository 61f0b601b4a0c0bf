"""Jobs that outlive the visit: what was asked, a queue, worker processes, and what came of it, all on the disk."""
