"""The container tar.gz: a tar archive as a row of gzip members."""

from waybill.archive import gzip_members, tar
from waybill.archive.tar_members import TarMembers

TAR_GZIP = TarMembers("tar.gz", "application/gzip", gzip_members, tar.header_bound)
