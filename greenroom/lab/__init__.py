"""Lab: experiments with supervisor trees, in virtual time, on the real runtime."""
