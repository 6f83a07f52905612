"""Experiments that come with the lab, one file each: `greenroom lab NAME`."""
