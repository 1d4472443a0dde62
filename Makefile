.PHONY: setup lock
setup:
	@scripts/setup.sh
lock:
	@scripts/lock.sh
