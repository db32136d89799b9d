"""Speed and memory as ratios: ours beside others, measured in one run. `README.md` explains."""
