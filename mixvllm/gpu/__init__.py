"""What NVIDIA's management library (NVML) says about the cards of this machine."""
