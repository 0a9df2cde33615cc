package ddlambda

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"reflect"
)

// Handler is lambda.Handler of aws-lambda-go.
type Handler interface {
	Invoke(ctx context.Context, payload []byte) ([]byte, error)
}

// WrapFunction wraps a handler function for lambda.Start: its invocations are counted, and its points are
// sent before its response, also if it returns an error or panics. What is no handler comes back as it is,
// so that lambda.Start says what is wrong.
func WrapFunction(handler interface{}, cfg *Config) interface{} {
	call, err := callable(handler)
	if err != nil {
		log.Printf("pointmill: the handler is not wrapped: %v", err)
		return handler
	}
	l := layerOf(cfg)
	return func(ctx context.Context, msg json.RawMessage) (response interface{}, err error) {
		l.invoke(ctx, func() error {
			response, err = call(ctx, msg)
			return err
		})
		return response, err
	}
}

// WrapHandler is WrapFunction.
//
// Deprecated: use WrapFunction, as in datadog-lambda-go.
func WrapHandler(handler interface{}, cfg *Config) interface{} { return WrapFunction(handler, cfg) }

// WrapLambdaHandlerInterface wraps a lambda.Handler for lambda.StartHandler; see [WrapFunction].
func WrapLambdaHandlerInterface(handler Handler, cfg *Config) Handler {
	return &wrapped{handler: handler, layer: layerOf(cfg)}
}

type wrapped struct {
	handler Handler
	layer   *layer
}

func (w *wrapped) Invoke(ctx context.Context, payload []byte) (response []byte, err error) {
	w.layer.invoke(ctx, func() error {
		response, err = w.handler.Invoke(ctx, payload)
		return err
	})
	return response, err
}

// invoke runs one invocation. Whatever happens in the handler, the points are sent, and then it goes on:
// a panic is not recovered, so that its stack is the handler's.
func (l *layer) invoke(ctx context.Context, call func() error) {
	token, begun := l.begin(ctx)
	invocation.Store(&ctx)
	failed := true
	defer func() {
		invocation.CompareAndSwap(&ctx, nil)
		l.end(token, begun, failed)
	}()
	failed = call() != nil
}

var (
	contextType = reflect.TypeFor[context.Context]()
	errorType   = reflect.TypeFor[error]()
)

// callable makes a function of one shape of the handler shapes that lambda.Start takes: with or without a
// context, an event, a result, an error.
func callable(handler interface{}) (func(ctx context.Context, msg json.RawMessage) (interface{}, error), error) {
	function := reflect.ValueOf(handler)
	if !function.IsValid() || function.Kind() != reflect.Func || function.IsNil() {
		return nil, fmt.Errorf("it is no function but %T", handler)
	}
	shape := function.Type()
	if shape.IsVariadic() || shape.NumIn() > 2 {
		return nil, fmt.Errorf("%s takes more than a context and an event", shape)
	}
	takesContext := shape.NumIn() > 0 && shape.In(0).Implements(contextType)
	if shape.NumIn() == 2 && !takesContext {
		return nil, fmt.Errorf("%s takes two arguments, and the first is no context.Context", shape)
	}
	if shape.NumOut() > 2 {
		return nil, fmt.Errorf("%s returns more than a result and an error", shape)
	}
	if n := shape.NumOut(); n > 0 && !shape.Out(n-1).Implements(errorType) {
		return nil, fmt.Errorf("%s does not return an error last", shape)
	}
	var event reflect.Type
	if n := shape.NumIn(); n == 2 || n == 1 && !takesContext {
		event = shape.In(n - 1)
	}
	return func(ctx context.Context, msg json.RawMessage) (result interface{}, err error) {
		var in []reflect.Value
		if takesContext {
			in = append(in, reflect.ValueOf(&ctx).Elem())
		}
		if event != nil {
			value := reflect.New(event)
			if err := json.Unmarshal(msg, value.Interface()); err != nil {
				return nil, err
			}
			in = append(in, value.Elem())
		}
		out := function.Call(in)
		if n := len(out); n > 0 {
			err, _ = out[n-1].Interface().(error)
		}
		if len(out) > 1 {
			result = out[0].Interface()
		}
		return result, err
	}, nil
}
