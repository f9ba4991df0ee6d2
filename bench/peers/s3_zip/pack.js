// s3-zip of npm: a tar, a tar.gz or a zip, by the ending of KEY. Arguments as for every peer: BUCKET PREFIX KEY.
import { EventEmitter } from "node:events";
import { PassThrough } from "node:stream";
import { S3Client, paginateListObjectsV2 } from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import s3Files from "s3-files";
import s3Zip from "s3-zip";

const [bucket, prefix, key] = process.argv.slice(2);
const client = new S3Client({ forcePathStyle: true });

const names = [];
for await (const page of paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: prefix })) {
  for (const entry of page.Contents ?? []) names.push(entry.Key.slice(prefix.length));
}

// This is what s3Zip.archive does, but for one thing: s3-files says `end` before it gives its last file, which archiver
// then refuses ("queue closed", orangewise/s3-zip#99). Its `end` is passed on a turn later.
const connected = s3Files.connect({ s3: client, bucket });
const source = connected.createFileStream(connected.createKeyStream(prefix, names), false);
const files = new EventEmitter();
source.on("data", (file) => files.emit("data", file));
source.on("error", (error) => files.emit("error", error));
source.on("end", () => setImmediate(() => files.emit("end")));
s3Zip.folder = prefix;
const level = { level: 1 };
const archive = s3Zip
  .setFormat(key.endsWith(".zip") ? "zip" : "tar")
  .setArchiverOptions(key.endsWith(".zip") ? { store: Boolean(process.env.STORED), zlib: level } : { gzip: key.endsWith(".gz"), gzipOptions: level })
  .archiveStream(files, names);

const body = new PassThrough();
archive.on("error", (error) => body.destroy(error));
archive.pipe(body);
await new Upload({ client, params: { Bucket: bucket, Key: key, Body: body } }).done();
