// A process of its own, because it puts itself between a writer of checkpoints and its files: lets each call to the disk
// fail, one after another. It says `failed` for each, `bad` for whatever must not be, the `unflushed` bytes that there
// were at most, and in the end `ended`. Arguments: scratch directory, scene, error.
import { mkdtempSync, readdirSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { IncomingCheckpoint } from '../../../src/store/checkpoint-incoming.js'
import { settleCheckpoints } from '../../../src/store/checkpoint-layout.js'
import { localCheckpoints, removeCheckpoints } from '../../../src/store/checkpoint-local.js'
import { CheckpointParts } from '../../../src/store/checkpoint-parts.js'
import { CheckpointReader } from '../../../src/store/checkpoint-reader.js'
import { clearRemoved } from '../../../src/store/checkpoint-removal.js'
import { isStoreError } from '../../../src/store/store-error.js'
import { type MachineContent, OWNER, sampleContents, writeSample } from './checkpoint-samples.js'
import { DiskRecorder } from './disk-recorder.js'

const [scratch = '', scene = '', error = 'EIO'] = process.argv.slice(2)
const say = (line: string) => writeSync(1, `${line}\n`)
const root = mkdtempSync(join(scratch, 'failing-'))
const directory = join(root, 'group-3')
const code = error === 'ENOSPC' ? 'DISK_FULL' : 'STORAGE_FAILED'
const recorder = new DiskRecorder(root, () => {})

/** Megabytes that do not compress. */
function noise(megabytes: number): MachineContent[] {
  const snapshot = new Uint32Array(megabytes << 18)
  for (let i = 0, x = 1; i < snapshot.length; i++) {
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    snapshot[i] = x
  }
  return [{ kind: 'memory', id: 1, snapshot: new Uint8Array(snapshot.buffer) }]
}

const contents = scene.startsWith('large') ? noise(20) : sampleContents(1)
const blockBytes = scene.startsWith('large') ? 256 * 1024 : 512
const source = writeSample(join(scratch, 'source'), 20, contents, { blockBytes })

function write(): void {
  writeSample(directory, 20, contents, { blockBytes })
}

/** A full disk may be tried again with the same part. */
function receive(): void {
  const incoming = IncomingCheckpoint.begin(directory, OWNER, source)
  const parts = CheckpointParts.open(source.path)
  try {
    while (!incoming.isComplete) {
      try {
        incoming.append(incoming.next, parts.read(incoming.next))
      } catch (failure) {
        if (code !== 'DISK_FULL' || !isStoreError(failure) || failure.code !== code) throw failure
        say('failed once')
      }
    }
    incoming.finish()
  } catch (failure) {
    incoming.abandon()
    throw failure
  } finally {
    parts.close()
  }
}

const scenes: Record<string, () => void> = {
  write,
  replace: write,
  receive,
  remove: () => {
    removeCheckpoints(directory, 0, new Set())
    clearRemoved(directory)
  },
  'large write': write,
  'large receive': receive,
}

/** False once there was no call left to fail. */
function failAt(call: number): boolean {
  rmSync(directory, { recursive: true, force: true })
  writeSample(directory, 10, sampleContents(0), { blockBytes })
  if (scene === 'replace') writeSample(directory, 20, sampleContents(3), { blockBytes, salt: 3 })
  recorder.failAt(call, error as 'EIO')
  let failure: unknown
  try {
    recorder.record(scenes[scene]!)
  } catch (thrown) {
    failure = thrown
  }
  const { hasFailed } = recorder
  if (failure !== undefined) say(`failed ${(failure as Error).message}`)
  if (failure !== undefined && !(isStoreError(failure) && failure.code === code && failure.path.startsWith(directory)))
    say(`bad at call ${call}: ${(failure as Error).stack}`)
  const names = readdirSync(directory).join(' ')
  if (/(^| )(writing|incoming)/.test(names)) say(`bad at call ${call}: ${names} is left behind`)
  settleCheckpoints(directory)
  judge(call, failure === undefined)
  return hasFailed
}

function judge(call: number, succeeded: boolean): void {
  const locals = localCheckpoints(directory, (unreadable) => say(`bad at call ${call}: ${unreadable.message}`))
  const wanted =
    scene === 'remove' ? ['', '10'] : scene === 'replace' ? ['20 10'] : succeeded ? ['20 10'] : ['10', '20 10']
  const found = locals.map(({ instance }) => instance).join(' ')
  if (!wanted.includes(found)) say(`bad at call ${call}: ${found} is there`)
  for (const { path } of locals) {
    const reader = CheckpointReader.open(path)
    reader.verify()
    reader.close()
  }
}

if (scene.startsWith('large')) recorder.record(scenes[scene]!)
else for (let call = 1; failAt(call); call++);
say(`unflushed ${recorder.mostUnflushedBytes}`)
say('ended')
