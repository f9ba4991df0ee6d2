"""What makes an archive: containers and layouts. Iterators in, bytes out; knows no AWS."""
