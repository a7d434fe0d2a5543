import { scopeName } from '../names/names.ts';

/** Which names of OpenTelemetry's conventions are meant: those of this version. */
export const schemaUrl = 'https://opentelemetry.io/schemas/1.45.0';

export const ourScope = { name: scopeName, schemaUrl };
