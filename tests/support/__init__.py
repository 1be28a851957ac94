"""What the tests stand on: a fake Hub, a real Hub, a browser, and the processes behind them."""
