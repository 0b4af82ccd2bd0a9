"""What a section of a lesson starts from, stored runs, the machine, the exercises' checks."""
