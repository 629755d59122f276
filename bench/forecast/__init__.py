"""What a suite costs on a device, before anything is downloaded: counted operations, times of a probe."""
