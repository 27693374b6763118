"""Evaluation: metrics with intervals, calibration, guarantees, the bundle and the gate."""
