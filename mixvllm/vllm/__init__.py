"""What vLLM says and understands: its options, its environment, its logs, its metrics."""
