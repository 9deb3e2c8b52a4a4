"""Who is called when nobody answers an alarm. Pure: ledger events, calls already made and time come in.

steps.py says which steps there are, calls.py when each is due, roster.py who is on duty. The same events,
calls and times give the same result, so that a restart calls nobody a second time. Carried out by
gateway/delivery/calls.py.
"""
