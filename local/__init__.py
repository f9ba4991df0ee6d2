"""The embedded AWS for one machine, its demo data and the demonstration. Nothing here is deployed."""
