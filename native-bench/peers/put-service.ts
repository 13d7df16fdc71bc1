/** A replicated key-value store of three processes on this machine, seen through its network API. */
export interface PutService {
  /** Where the load goes: the leader's port, or those of all members. */
  readonly ports: readonly number[]
  /** Of its processes. */
  readonly pids: readonly number[]
  /** The value of a key, linearizable and through another member than the one that leads; undefined: there is none. */
  read(key: string): Promise<string | undefined>
  /** No process and no file is left. */
  end(): Promise<void>
}
