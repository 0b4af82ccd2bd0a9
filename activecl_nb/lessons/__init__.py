"""What lessons need:

start, shelf        what a section starts from; stored runs
checks/             the exercises' checks and their hints, a file a lesson
predictions         what a reader predicted, beside what came
machine             whether this machine is ready
students/           class editions, and what comes back
site/, stick, takeaway      the lessons as pages, offline, as a folder of one's own
"""
