// What the citizen page must know without signing in; the API keeps the city plan for staff.

/** The short number as printed on posters. */
export const SHORT_NUMBER = '15-80'
/** Danger to life: one number in every country this page speaks to. */
export const EMERGENCY_NUMBER = '112'
