"""A class of students: notebooks to hand out, and the work that comes back.

``editions`` makes a class edition of the lessons, ``collecting`` runs what the students hand in.
"""

from activecl_nb.lessons.students.collecting import collect
from activecl_nb.lessons.students.editions import make, seed
