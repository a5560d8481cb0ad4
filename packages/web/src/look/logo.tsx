export function Logo() {
  return (
    <svg className="logo" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="9" className="logo-ground" />
      <path d="M9 10h14M9 16h14M9 22h8" className="logo-lines" />
    </svg>
  )
}
