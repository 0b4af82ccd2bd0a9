"""What lessons need:

start, shelf        what a section starts from; stored runs
checks/             the exercises' checks and their hints, a file a lesson
predictions, stopped        what a reader predicted, beside what came; what a stop left unset
good_features       of lesson 08: stored features, and labels bought on them
machine             whether this machine is ready
students/           class editions, and what comes back
site/, stick, takeaway      the lessons as pages, offline, as a folder of one's own
"""
