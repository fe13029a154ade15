import math

prices = [0.1, 0.2, 0.3]

total = 0.0
for price in prices:
    total += price

print("added one by one:", total)
print("added by math.fsum:", math.fsum(prices))
