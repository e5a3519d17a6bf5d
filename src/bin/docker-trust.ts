import { start } from "./start.ts"

void start("docker-trust")
