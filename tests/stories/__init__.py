"""Stories: what happened at a site, and everything the operator then saw. Written so that operators can."""
