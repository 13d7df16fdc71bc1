/** What commands are proposed to: the runtime, or the floor that it is held against. */
export interface LoadTarget {
  readonly groups: number
  /** The command may be written over when this has returned. */
  propose(group: number, command: unknown): Promise<unknown>
  /** Each command has an end of its own; one with an `error` has failed. */
  proposeMany(group: number, commands: readonly unknown[]): Promise<readonly object[]>
  /** Commands that the group has executed, asked of a quorum. */
  read(group: number): Promise<number>
}
