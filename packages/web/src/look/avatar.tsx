import { hueOf, initialOf } from './avatar-facts.ts'

interface AvatarProps {
  readonly id: string
  readonly name: string
  /** Rooms have corners. */
  readonly isRoom?: boolean
}

/** A colour and a letter to know somebody by; the name stands beside it. */
export function Avatar({ id, name, isRoom = false }: AvatarProps) {
  return (
    <span className={`avatar hue-${hueOf(id)}${isRoom ? ' of-room' : ''}`} aria-hidden="true">
      {initialOf(name)}
    </span>
  )
}
