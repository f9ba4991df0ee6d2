// Write the content of a gzip file, all of its members, to standard output.
const { createReadStream } = require("node:fs");
const { pipeline } = require("node:stream");
const { createGunzip } = require("node:zlib");

pipeline(createReadStream(process.argv[2]), createGunzip(), process.stdout, (error) => {
  if (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
});
