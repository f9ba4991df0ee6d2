"""A believable personal cloud, the same at every run: generated here from a fixed seed, loaded by ``load``."""
