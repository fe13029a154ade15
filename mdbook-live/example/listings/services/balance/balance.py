"""Adds up what came in and what went out."""

import sys

entries = {"rent": -700, "bread": -40, "wages": 730}

balance = 0
for name, amount in entries.items():
    balance += amount
    print(f"{name:6}{amount:6}{balance:6}")

if balance < 0:
    print("overdrawn")
    sys.exit(1)
