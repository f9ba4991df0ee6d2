"""What holds for all tests."""

from hypothesis import settings

settings.register_profile("waybill", deadline=None)  # no test times: a busy machine makes no law untrue
settings.load_profile("waybill")
