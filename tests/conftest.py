"""Eight simulated devices, strict promotion of dtypes: set before JAX looks at the machine."""

import os

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=8"

import jax

jax.config.update("jax_numpy_dtype_promotion", "strict")
