"""The support desk: tickets of people who need help, and the team that works on them."""
