import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs'
import { dirname, resolve } from 'node:path'

/** Flushes a file or a directory. What a directory holds is durable only once the directory itself was flushed. */
export function flushPath(path: string): void {
  const fd = openSync(path, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** Creates a directory with its missing parents, each of them durable in the one above it. */
export function makeDirectoryDurable(path: string): void {
  const created = mkdirSync(path, { recursive: true })
  // An earlier start may have made it and been cut off before the flush, so the nearest ones are flushed in any case.
  const top = created === undefined ? dirname(resolve(path)) : dirname(resolve(created))
  for (let at = resolve(path); ; at = dirname(at)) {
    flushPath(at)
    if (at === top || at === dirname(at)) return
  }
}

/** Replaces a small file so that a power cut leaves the old or the new one, whole. */
export function replaceFileDurably(path: string, bytes: Uint8Array): void {
  const temporary = `${path}.new`
  const fd = openSync(temporary, 'w', 0o600)
  try {
    for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
  renameSync(temporary, path)
  flushPath(dirname(path))
}
