// A process of its own, because it watches all that it does with files: makes, replaces, removes and receives checkpoints,
// and looks after each step at what a kill or a power cut would leave. It says `step`, at which part one was `resumed`,
// `bad` for whatever must not be, and in the end `ended`. Arguments: scratch directory, scene, sabotage.
import { mkdtempSync, readdirSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { IncomingCheckpoint } from '../../../src/store/checkpoint-incoming.js'
import { settleCheckpoints } from '../../../src/store/checkpoint-layout.js'
import { type LocalCheckpoint, localCheckpoints, removeCheckpoints } from '../../../src/store/checkpoint-local.js'
import { CheckpointParts } from '../../../src/store/checkpoint-parts.js'
import { clearRemoved } from '../../../src/store/checkpoint-removal.js'
import { type MachineContent, OWNER, readSample, sampleContents, writeSample } from './checkpoint-samples.js'
import { CUTS, DiskRecorder, type Sabotage } from './disk-recorder.js'

const [scratch = '', scene = '', skipped] = process.argv.slice(2)
const say = (line: string) => writeSync(1, `${line}\n`)
const root = mkdtempSync(join(scratch, 'life-'))
const directory = join(root, 'group-3')
const image = join(scratch, 'image')

const known = new Map<number, readonly MachineContent[]>()
/** Which checkpoints there may be now, by instance and id, newest first. */
let allowed: string[] = []
const recorder = new DiskRecorder(root, look, { skipped: skipped as Sabotage['skipped'] })
const nameOf = ({ instance, id }: { instance: number; id: number }) => `${instance}:${id}`

/** The same checkpoint made beforehand elsewhere, so that it is known before the first step. */
function prepared(instance: number, salt: number): LocalCheckpoint {
  const contents = sampleContents(salt)
  const local = writeSample(mkdtempSync(join(scratch, 'known-')), instance, contents, { salt })
  known.set(local.id, contents)
  return local
}

function look(what: string): void {
  say(`step ${what}`)
  const isFlushed = recorder.unflushed.every((path) => path.endsWith('/'))
  for (const cut of CUTS) {
    if (isFlushed && cut !== 'kept') continue
    recorder.imageOf(image, cut)
    try {
      judge(join(image, 'group-3'))
    } catch (error) {
      say(`bad after ${what}, unflushed bytes ${cut}: ${(error as Error).message}`)
    }
  }
}

/** What a start finds: the old or the new, each of them whole, and nothing half. */
function judge(found: string): void {
  settleCheckpoints(found)
  const locals = localCheckpoints(found, (error) => {
    throw error
  })
  const names = locals.map(nameOf).join(' ')
  if (!allowed.includes(names)) throw new Error(`${names} is there, and should be one of ${allowed.join(' | ')}`)
  for (const { path, id } of locals) {
    if (!isDeepStrictEqual(readSample(path).contents, known.get(id))) throw new Error(`${path} has other contents`)
  }
  resume(found)
  while (clearRemoved(found, 100));
  const left = readdirSync(found).filter((name) => !/^\d{12}$/.test(name))
  if (left.length > 0) throw new Error(`${left} is left over`)
}

/** Whatever has come of the incoming one, the rest completes it. */
function resume(found: string): void {
  const incoming = IncomingCheckpoint.find(found, OWNER)
  if (incoming === undefined) return
  while (!incoming.recheck(100));
  say(`resumed ${incoming.next}`)
  receive(incoming, first)
  const { path, id } = incoming.finish()
  if (!isDeepStrictEqual(readSample(path).contents, known.get(id))) throw new Error(`${path} was completed wrongly`)
}

function receive(incoming: IncomingCheckpoint, from: LocalCheckpoint): void {
  const parts = CheckpointParts.open(from.path)
  while (!incoming.isComplete)
    if (incoming.append(incoming.next, parts.read(incoming.next)) !== 'taken') throw new Error('a part is refused')
  parts.close()
}

/** From here on it has to be there whatever happens, its name included; names of what was removed may still come back. */
function acknowledge(now: string, mayReturn: readonly string[] = []): void {
  allowed = [now]
  look('the acknowledgement')
  const unflushed = recorder.unflushed.filter((path) => !mayReturn.includes(path))
  if (unflushed.length > 0) say(`bad acknowledgement: ${unflushed} is not flushed`)
}

const old = prepared(10, 0)
const first = prepared(20, 1)
const second = prepared(20, 2)
const [onlyOld, withFirst, withSecond] = [[old], [first, old], [second, old]].map((all) => all.map(nameOf).join(' '))

const scenes: Record<string, () => void> = {
  write: () => {
    allowed = [onlyOld!, withFirst!]
    writeSample(directory, 20, sampleContents(1), { salt: 1 })
    acknowledge(withFirst!)
  },
  replace: () => {
    allowed = [onlyOld!, withFirst!]
    writeSample(directory, 20, sampleContents(1), { salt: 1 })
    allowed = [withFirst!, withSecond!]
    writeSample(directory, 20, sampleContents(2), { salt: 2 })
    acknowledge(withSecond!, ['group-3/'])
  },
  remove: () => {
    allowed = [onlyOld!, '']
    removeCheckpoints(directory, 0, new Set())
    allowed = ['']
    while (clearRemoved(directory, 500));
    acknowledge('', ['group-3/'])
  },
  receive: () => {
    allowed = [onlyOld!, withFirst!]
    const incoming = IncomingCheckpoint.begin(directory, OWNER, first)
    receive(incoming, first)
    incoming.finish()
    acknowledge(withFirst!)
  },
}

writeSample(directory, 10, sampleContents(0))
recorder.record(scenes[scene]!)
say('ended')
