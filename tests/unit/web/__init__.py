"""The web layer, called over HTTP beside a Hub in memory."""
