import { EventEmitter } from 'node:events'
import type { GroupState } from '../codec/worker-records.js'
import type { ErrorCode } from './error-codes.js'
import type { Logger } from './option-schema.js'

export interface AlarmEvent {
  readonly code: ErrorCode | (string & {})
  readonly message: string
  /** Absent if it concerns the whole node. */
  readonly group?: number
  readonly details: Readonly<Record<string, unknown>>
}

export interface GroupStateEvent {
  readonly group: number
  readonly state: GroupState
  readonly before: GroupState
}

export interface CheckpointEvent {
  readonly group: number
  /** Everything up to this instance is in it. */
  readonly instance: number
  /** On disk. */
  readonly bytes: number
}

export interface NodeEventMap {
  checkpoint: [CheckpointEvent]
  groupState: [GroupStateEvent]
  alarm: [AlarmEvent]
}

/** What a node tells its application; anything may be called from a listener. What a listener throws is logged. */
export class NodeEvents {
  readonly emitter = new EventEmitter<NodeEventMap>()
  readonly log: Logger

  constructor(log: Logger) {
    this.log = log
  }

  alarm(alarm: AlarmEvent): void {
    this.log.error({ code: alarm.code, group: alarm.group, ...alarm.details }, alarm.message)
    this.#emit(() => this.emitter.emit('alarm', alarm))
  }

  groupState(event: GroupStateEvent): void {
    this.log.info(event, `group ${event.group}: ${event.before} -> ${event.state}`)
    this.#emit(() => this.emitter.emit('groupState', event))
  }

  /** This node has a newer checkpoint of a group, made here or received. */
  checkpoint(event: CheckpointEvent): void {
    this.log.info(event, `group ${event.group}: checkpoint of instance ${event.instance}`)
    this.#emit(() => this.emitter.emit('checkpoint', event))
  }

  // A turn of the host must not end in the middle because of its application.
  #emit(emit: () => void): void {
    try {
      emit()
    } catch (error) {
      this.log.error({ error: String(error) }, 'a listener of a node event threw')
    }
  }
}
