"""Every sign-in of an application, accounted for. The path, a line a stage:

web        a person signs in: page, token verification, the event is made durable
stream     the event waits in a log
land       log to bronze: exactly what arrived
clean      bronze to silver: no repeats, no nulls, everything else accounted for
publish    silver to gold: answers, ready to read
dashboard  gold to a person's eyes
"""

__version__ = "0.1.0"
