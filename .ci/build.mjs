// Compiles into dist. Quick when nothing changed, and safe when several processes start it at once while others run from dist:
// nothing is removed but outputs whose source is gone, and only one compiler writes at a time.
import { spawnSync } from 'node:child_process'
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const dist = join(root, 'dist')
const lock = join(dist, '.build-lock')
const lockMaxAgeMs = 300_000

function ownerIsAlive(path) {
  try {
    const pid = Number(readFileSync(path, 'utf8'))
    const ageMs = Date.now() - statSync(path).mtimeMs
    // Between creating the file and writing the number it is empty: that owner is starting, not dead.
    if (pid === 0) return ageMs < 5_000
    if (ageMs > lockMaxAgeMs) return false
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

function takeLock() {
  const pause = new Int32Array(new SharedArrayBuffer(4))
  for (;;) {
    try {
      const fd = openSync(lock, 'wx')
      writeSync(fd, String(process.pid))
      closeSync(fd)
      return
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
    if (ownerIsAlive(lock)) Atomics.wait(pause, 0, 0, 50)
    else rmSync(lock, { force: true })
  }
}

function pruneOutputs() {
  for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const output = join(entry.parentPath, entry.name)
    const stem = /^(.*?)(?:\.d\.ts|\.js|\.js\.map)$/.exec(relative(dist, output))?.[1]
    if (stem !== undefined && !existsSync(join(root, `${stem}.ts`))) rmSync(output, { force: true })
  }
}

mkdirSync(dist, { recursive: true })
takeLock()
process.on('exit', () => rmSync(lock, { force: true }))
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1))
pruneOutputs()
// The build information lies inside dist, so that deleting dist also makes the compiler forget what it has emitted.
const flags = ['--incremental', '--tsBuildInfoFile', join(dist, '.tsbuildinfo')]
const tsc = join(root, 'node_modules/typescript/bin/tsc')
const { status } = spawnSync(process.execPath, [tsc, '-p', root, ...flags], { stdio: ['ignore', 2, 2] })
process.exitCode = status ?? 1
