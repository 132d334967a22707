SELECT tenant, model, unit, stream, position, type, error, held_at FROM model.held WHERE suffix = ''
