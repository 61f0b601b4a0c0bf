"""Preflight: will this footage do? Answered in seconds, before any time is spent on training or cloning."""

from perfclone.preflight.driving import check_driving
from perfclone.preflight.reference import check_reference
from perfclone.preflight.report import Finding, Report

__all__ = ["Finding", "Report", "check_driving", "check_reference"]
