import { spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { join } from 'node:path'

const MEBIBYTE = 1 << 20
const SIZE_MEBIBYTES = 512
const mounted = new Set<SmallDisk>()
// Whatever ends this process: its nodes end with it, though perhaps a moment later.
process.on('exit', () => {
  for (const disk of mounted) disk.unmount()
})

/** A file system of its own, small enough to be filled. */
export class SmallDisk {
  readonly path: string

  private constructor(path: string) {
    this.path = path
  }

  /** Undefined where no file system may be mounted. */
  static mount(path: string): SmallDisk | undefined {
    mkdirSync(path, { recursive: true })
    const args = ['-t', 'tmpfs', '-o', `size=${SIZE_MEBIBYTES}m`, 'tmpfs', path]
    if (spawnSync('mount', args).status !== 0) return undefined
    const disk = new SmallDisk(path)
    mounted.add(disk)
    return disk
  }

  /** Until so much is free. The store keeps a sixteenth free by itself: it meets the end above that, between two commits. */
  fill(leaveMebibytes: number): void {
    const fd = openSync(this.#filler, 'a')
    const block = Buffer.alloc(MEBIBYTE)
    try {
      while (free(this.path) > leaveMebibytes * MEBIBYTE) writeSync(fd, block)
    } finally {
      closeSync(fd)
    }
  }

  free(): void {
    rmSync(this.#filler, { force: true })
  }

  unmount(): void {
    mounted.delete(this)
    // It goes when the last process that uses it does.
    spawnSync('umount', ['--lazy', this.path])
  }

  get #filler(): string {
    return join(this.path, 'filler')
  }
}

function free(path: string): number {
  const { bavail, bsize } = statfsSync(path)
  return bavail * bsize
}
