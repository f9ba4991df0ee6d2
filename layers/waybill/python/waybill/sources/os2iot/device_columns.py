"""The columns of OS2iot's CSV of devices, in its order (reference source-systems.md, A5)."""

COLUMNS = (
    "name",
    "id",
    "type",
    "latitude",
    "longitude",
    "commentOnLocation",
    "comment",
    "deviceModelId",
    "apiKey",
    "mqttURL",
    "mqttPort",
    "mqtttopicname",
    "authenticationType",
    "mqttusername",
    "mqttpassword",
    "caCertificate",
    "deviceCertificate",
    "deviceCertificateKey",
    "devEUI",
    "deviceProfileID",
    "skipFCntCheck",
    "activationType",
    "OTAAapplicationKey",
)

ABP_COLUMNS = ("devAddr", "networkSessionKey", "applicationSessionKey", "fCntUp", "nFCntDown")
"""Columns that OS2iot's import knows besides, and a device that is activated by ABP cannot be made without."""
