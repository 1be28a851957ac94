"""Tests of `service.client`."""
