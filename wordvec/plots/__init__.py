"""Pictures of what other modules have measured: data in, a file or text out."""

from __future__ import annotations

from wordvec.plots.curves import draw_curves, text_curves

__all__ = ["draw_curves", "text_curves"]
