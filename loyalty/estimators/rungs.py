"""The steps of the offer ladder, from nothing up; the maths that choose among them stand in ladder.py."""

NOTHING = "nothing"
RUNGS = (NOTHING, "reminder", "note", "points", "shipping", "gift", "percent")
WITHOUT_MONEY = (NOTHING, "reminder", "note")  # what somebody who is never to be given money off may get
