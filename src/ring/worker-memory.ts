import { allocateCounters, Counters } from './counters.js'
import { allocateDoorbell, Doorbell, type DoorbellOptions } from './doorbell.js'
import { allocateDueBits, DueBits } from './due-bits.js'
import { allocateGate, SupervisorGate, WorkerGate } from './gate-word.js'
import { allocateRing } from './layout.js'
import type { PositionHistory } from './position-history.js'
import { RingConsumer } from './ring-consumer.js'
import { RingProducer } from './ring-producer.js'
import { allocateStages, openStages } from './stage-memory.js'

export interface WorkerMemoryOptions {
  readonly controlBytes: number
  readonly commandBytes: number
  readonly outboxBytes: number
  readonly groups: number
  readonly timersPerGroup: number
  /** Counters that the worker writes and the host reads. */
  readonly counterNames: readonly string[]
  /** How many stages of each group the worker notes; default: none. */
  readonly stages?: number
  /** The host's one doorbell (`allocateDoorbell`), the same in all workers. */
  readonly hostBell: SharedArrayBuffer
}

/** All that a worker and the host share: plain data, to be passed as `workerData`. A restarted worker gets new memory. */
export interface WorkerMemory {
  readonly control: SharedArrayBuffer
  readonly command: SharedArrayBuffer
  readonly outbox: SharedArrayBuffer
  readonly bell: SharedArrayBuffer
  readonly hostBell: SharedArrayBuffer
  readonly gate: SharedArrayBuffer
  readonly due: SharedArrayBuffer
  readonly counters: SharedArrayBuffer
  readonly counterNames: readonly string[]
  /** Histories of positions (stage-memory.ts), if there are any. */
  readonly stages: SharedArrayBuffer | undefined
  readonly stagesPerGroup: number
  readonly groups: number
  readonly timersPerGroup: number
}

export function allocateWorkerMemory(options: WorkerMemoryOptions): WorkerMemory {
  const { stages = 0 } = options
  return {
    control: allocateRing(options.controlBytes),
    command: allocateRing(options.commandBytes),
    outbox: allocateRing(options.outboxBytes),
    bell: allocateDoorbell(),
    hostBell: options.hostBell,
    gate: allocateGate(),
    due: allocateDueBits(options.groups * options.timersPerGroup),
    counters: allocateCounters(options.counterNames),
    counterNames: options.counterNames,
    stages: stages > 0 ? allocateStages(options.groups, stages) : undefined,
    stagesPerGroup: stages,
    groups: options.groups,
    timersPerGroup: options.timersPerGroup,
  }
}

/** The due bit of a group's timer; `group` counts within the worker. */
export function dueIndex(memory: WorkerMemory, group: number, timer: number): number {
  if (!(group >= 0 && group < memory.groups && timer >= 0 && timer < memory.timersPerGroup)) {
    throw new RangeError(`no timer ${timer} of group ${group}`)
  }
  return group * memory.timersPerGroup + timer
}

export interface WorkerEnd {
  readonly control: RingConsumer
  readonly command: RingConsumer
  readonly outbox: RingProducer
  readonly bell: Doorbell
  readonly gate: WorkerGate
  readonly due: DueBits
  readonly counters: Counters
  /** By group within the worker, then by stage. */
  readonly stages: readonly (readonly PositionHistory[])[] | undefined
}

/** The worker's objects; once per thread. */
export function openWorkerEnd(memory: WorkerMemory, bellOptions?: DoorbellOptions): WorkerEnd {
  const hostBell = new Doorbell(memory.hostBell)
  return {
    control: new RingConsumer(memory.control, hostBell),
    command: new RingConsumer(memory.command, hostBell),
    outbox: new RingProducer(memory.outbox, hostBell),
    bell: new Doorbell(memory.bell, 0, bellOptions),
    gate: new WorkerGate(memory.gate),
    due: new DueBits(memory.due),
    counters: new Counters(memory.counters, memory.counterNames),
    stages: stagesOf(memory),
  }
}

export interface HostEnd {
  readonly control: RingProducer
  readonly command: RingProducer
  readonly outbox: RingConsumer
  readonly bell: Doorbell
  readonly gate: SupervisorGate
  readonly due: DueBits
  readonly counters: Counters
  /** By group within the worker, then by stage. */
  readonly stages: readonly (readonly PositionHistory[])[] | undefined
}

/** The host's objects for one worker. The host's own doorbell is not among them: it is one object for all workers. */
export function openHostEnd(memory: WorkerMemory): HostEnd {
  const bell = new Doorbell(memory.bell)
  return {
    control: new RingProducer(memory.control, bell),
    command: new RingProducer(memory.command, bell),
    outbox: new RingConsumer(memory.outbox),
    bell,
    gate: new SupervisorGate(memory.gate),
    due: new DueBits(memory.due, bell),
    counters: new Counters(memory.counters, memory.counterNames),
    stages: stagesOf(memory),
  }
}

function stagesOf({ stages, groups, stagesPerGroup }: WorkerMemory): PositionHistory[][] | undefined {
  return stages === undefined ? undefined : openStages(stages, groups, stagesPerGroup)
}
