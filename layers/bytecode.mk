# Compile a layer's modules where it is built, because /opt is read-only where it runs: a cold start then takes about
# half the time (docs/performance.md). Bytecode is of one Python, so it needs the runtime's, by number on the PATH or as a
# path; without it the layer works all the same. The check by hash is left out, as packing forgets times.
BYTECODE_PYTHON := $(shell for each in "$(WAYBILL_LAYER_PYTHON)" "python$(WAYBILL_LAYER_PYTHON)"; do \
	"$$each" -c 'import sys; print(sys.executable)' 2>/dev/null && break; done)
ifeq ($(BYTECODE_PYTHON),)
COMPILE := @echo "No python$(WAYBILL_LAYER_PYTHON) here: the layer has no bytecode, and functions start slower." >&2
else
COMPILE := "$(BYTECODE_PYTHON)" -m compileall -q --invalidation-mode unchecked-hash "$(ARTIFACTS_DIR)/python"
endif
